package assetra.sync

import java.time.Instant
import java.time.format.DateTimeFormatterBuilder

/** Time as RFC 3339, UTC, in milliseconds. */
internal object Times {
    private val format = DateTimeFormatterBuilder().appendInstant(3).toFormatter()

    fun text(millis: Long): String = format.format(Instant.ofEpochMilli(millis))

    fun millis(text: String): Long = Instant.parse(text).toEpochMilli()
}

/** The device's clock; another one in tests. [elapsed] never jumps. */
interface DeviceClock {
    fun now(): Long
    fun elapsed(): Long

    object System : DeviceClock {
        override fun now() = java.lang.System.currentTimeMillis()
        override fun elapsed() = java.lang.System.nanoTime() / 1_000_000
    }
}

/** Server minus device clock, taken at the middle of an exchange; null when it took too long to say. */
internal fun clockOffset(serverTime: Long, answeredAt: Long, tookMillis: Long): Long? =
    if (tookMillis > 10_000) null else serverTime - (answeredAt - tookMillis / 2)
