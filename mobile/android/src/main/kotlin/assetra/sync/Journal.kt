package assetra.sync

import java.io.ByteArrayOutputStream
import java.io.Closeable
import java.io.File
import java.io.IOException
import java.io.RandomAccessFile
import java.nio.ByteBuffer
import java.nio.channels.FileChannel
import java.nio.channels.FileLock
import java.nio.file.Files
import java.nio.file.StandardCopyOption.ATOMIC_MOVE
import java.nio.file.StandardCopyOption.REPLACE_EXISTING
import java.nio.file.StandardOpenOption.READ
import java.nio.file.StandardOpenOption.WRITE
import java.util.zip.CRC32

/** Where entries are kept. An entry is there whole or not at all; once [append] has returned it outlives a power cut. */
interface Journal : Closeable {
    /** Bytes; what decides about a [rewrite]. */
    val size: Long

    /** In the order written. Returns false when something between the entries could not be read. */
    fun replay(each: (String) -> Unit): Boolean

    /** Throws when it could not be written; then it is not there. */
    fun append(entry: String)

    /** All entries are replaced by these, at once. */
    fun rewrite(entries: Sequence<String>)
}

/**
 * One entry a line, its CRC-32 before it: `1c291ca3 {...}`. A line that was being written when the power went has no end or
 * another sum, and is cut off when the file is opened again.
 */
class FileJournal(private val file: File) : Journal {
    private val lockChannel: FileChannel
    private val lock: FileLock
    private var channel: FileChannel

    /** Of the last whole entry. */
    private var end = 0L

    init {
        file.absoluteFile.parentFile.mkdirs()
        lockChannel = RandomAccessFile(File("$file.lock"), "rw").channel
        lock = lockChannel.tryLock() ?: throw IOException("Another process has $file open.")
        channel = open()
    }

    override val size: Long get() = end

    override fun replay(each: (String) -> Unit): Boolean {
        var whole = true
        var start = 0L
        end = 0
        forEachLine { line ->
            val entry = entryIn(line)
            if (entry != null) {
                // A bad line before a good one is no torn end but a damaged disk.
                if (end != start) whole = false
                end = start + line.size + 1
                each(entry)
            }
            start += line.size + 1
        }
        if (!whole) Files.copy(file.toPath(), File("$file.damaged").toPath(), REPLACE_EXISTING)
        return whole
    }

    override fun append(entry: String) {
        // What is left of a line that could not be written.
        if (channel.size() != end) channel.truncate(end)
        val line = lineOf(entry)
        write(channel, line, end)
        channel.force(false)
        end += line.size
    }

    override fun rewrite(entries: Sequence<String>) {
        val fresh = File("$file.new")
        val target = RandomAccessFile(fresh, "rw").channel
        var length = 0L
        try {
            target.truncate(0)
            entries.map { lineOf(it) }.forEach {
                write(target, it, length)
                length += it.size
            }
            target.force(true)
            Files.move(fresh.toPath(), file.toPath(), ATOMIC_MOVE, REPLACE_EXISTING)
        } catch (error: IOException) {
            target.close()
            throw error
        }
        channel.close()
        channel = target
        end = length
        syncFolder()
    }

    override fun close() {
        channel.close()
        lock.release()
        lockChannel.close()
    }

    private fun open(): FileChannel {
        val isNew = file.createNewFile()
        if (isNew) syncFolder()
        return FileChannel.open(file.toPath(), READ, WRITE)
    }

    /** A new name in a folder is durable only when the folder is; not every system lets one open a folder. */
    private fun syncFolder() {
        try {
            FileChannel.open(file.absoluteFile.parentFile.toPath(), READ).use { it.force(true) }
        } catch (ignored: IOException) {
        }
    }

    /** Those that have an end. */
    private fun forEachLine(each: (ByteArray) -> Unit) {
        val line = ByteArrayOutputStream()
        file.inputStream().buffered().use { input ->
            while (true) {
                val byte = input.read()
                if (byte == -1) return
                if (byte == LINE_FEED.toInt()) {
                    each(line.toByteArray())
                    line.reset()
                } else line.write(byte)
            }
        }
    }

    private fun write(target: FileChannel, line: ByteArray, at: Long) {
        val buffer = ByteBuffer.wrap(line)
        while (buffer.hasRemaining()) target.write(buffer, at + buffer.position())
    }

    private fun lineOf(entry: String): ByteArray {
        val bytes = entry.toByteArray()
        return "${sumOf(bytes)} ".toByteArray() + bytes + LINE_FEED
    }

    private fun entryIn(line: ByteArray): String? {
        if (line.size < SUM_LENGTH + 1) return null
        val body = line.copyOfRange(SUM_LENGTH + 1, line.size)
        return if (String(line, 0, SUM_LENGTH) == sumOf(body)) String(body) else null
    }

    private fun sumOf(bytes: ByteArray): String {
        val sum = CRC32()
        sum.update(bytes)
        return sum.value.toString(16).padStart(SUM_LENGTH, '0')
    }

    private companion object {
        const val LINE_FEED: Byte = 10
        const val SUM_LENGTH = 8
    }
}
