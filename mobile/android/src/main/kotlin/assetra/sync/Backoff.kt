package assetra.sync

import java.util.Random

/** How long to wait after a failure: doubling, half of it random so that a hall of devices does not come back as one. */
class Backoff(
    private val firstMillis: Long = 1_000,
    private val longestMillis: Long = 300_000,
    private val random: Random = Random()
) {
    private var failures = 0

    @Synchronized
    fun succeeded() {
        failures = 0
    }

    /** Never shorter than what the server asked for. */
    @Synchronized
    fun failed(retryAfterMillis: Long?): Long {
        val full = minOf(longestMillis, firstMillis shl minOf(failures, 20))
        failures++
        val jittered = full / 2 + (random.nextDouble() * (full / 2)).toLong()
        return if (retryAfterMillis == null) jittered else maxOf(jittered, retryAfterMillis + jittered / 4)
    }
}
