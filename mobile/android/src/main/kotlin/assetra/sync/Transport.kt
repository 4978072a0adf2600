package assetra.sync

import java.io.IOException
import java.io.InputStream
import java.net.HttpURLConnection
import java.net.URL
import java.time.Instant
import java.time.ZonedDateTime
import java.time.format.DateTimeFormatter
import java.time.format.DateTimeParseException

data class Reply(val status: Int, val body: String, val retryAfter: String?) {
    /** `Retry-After` is seconds or a date. */
    fun retryAfterMillis(now: Long): Long? {
        val text = retryAfter ?: return null
        text.trim().toLongOrNull()?.let { return it * 1_000 }
        return try {
            val date = ZonedDateTime.parse(text, DateTimeFormatter.RFC_1123_DATE_TIME)
            maxOf(0, Instant.from(date).toEpochMilli() - now)
        } catch (error: DateTimeParseException) {
            null
        }
    }
}

/** One POST. Throws IOException for an answer that did not come whole. */
interface Transport {
    fun post(url: String, headers: Map<String, String>, body: String): Reply
}

class HttpTransport(private val connectMillis: Int = 10_000, private val readMillis: Int = 60_000) : Transport {
    override fun post(url: String, headers: Map<String, String>, body: String): Reply {
        val connection = URL(url).openConnection() as HttpURLConnection
        try {
            connection.connectTimeout = connectMillis
            connection.readTimeout = readMillis
            connection.requestMethod = "POST"
            connection.instanceFollowRedirects = false
            connection.doOutput = true
            connection.setRequestProperty("Content-Type", "application/json")
            connection.setRequestProperty("Accept", "application/json")
            headers.forEach { (name, value) -> connection.setRequestProperty(name, value) }
            // Not in streaming mode, in which a 401 is thrown and not answered.
            connection.outputStream.use { it.write(body.toByteArray()) }
            val status = connection.responseCode
            val stream = if (status < 400) connection.inputStream else connection.errorStream
            return Reply(status, whole(stream, connection), connection.getHeaderField("Retry-After"))
        } finally {
            connection.disconnect()
        }
    }

    /** The JVM's stream may end early without a word. */
    private fun whole(stream: InputStream?, connection: HttpURLConnection): String {
        val bytes = stream?.use { it.readBytes() } ?: ByteArray(0)
        val promised = connection.contentLength
        if (promised > bytes.size) throw IOException("The answer was cut after ${bytes.size} of $promised bytes.")
        return String(bytes)
    }
}
