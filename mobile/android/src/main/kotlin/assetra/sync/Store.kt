package assetra.sync

import java.io.Closeable
import java.io.IOException
import org.json.JSONArray
import org.json.JSONObject

/** The state and its journal: what is changed is on disk first. Safe to call from any thread; never waits for the network. */
internal class Store(private val journal: Journal) : Closeable {
    private val state = State()
    private var sizeWhenRewritten = 0L

    init {
        val whole = journal.replay { state.apply(JSONObject(it)) }
        // Something was lost between the entries: what is there is kept, and the replica is fetched anew beside it.
        if (!whole) {
            write(State.answer().put("reset", true))
            rewrite()
        } else rewriteWhenLong()
    }

    @Synchronized
    fun <T> read(look: (State) -> T): T = look(state)

    @Synchronized
    fun write(entry: JSONObject) {
        journal.append(entry.toString())
        state.apply(entry)
        rewriteWhenLong()
    }

    fun queue(item: Item) = write(JSONObject().put("op", "queue").put("item", item.toJson()))

    fun discard(key: String) = write(JSONObject().put("op", "discard").put("key", key))

    fun setAside(item: Item, reason: String) =
        write(State.answer().put("rejected", JSONArray().put(JSONObject().put("key", item.key).put("reason", reason))))

    /** The oldest items that are not in [except]: at most [count] of them and, save for a single one, [characters]. */
    @Synchronized
    fun batch(count: Int, characters: Int, except: Set<String>): List<Item> {
        val batch = ArrayList<Item>()
        var length = 0
        for (item in state.outbox.values) {
            if (item.key in except) continue
            length += item.body.length
            if (batch.size == count || (batch.isNotEmpty() && length > characters)) break
            batch.add(item)
        }
        return batch
    }

    @Synchronized
    override fun close() = journal.close()

    /** At twice the length, so that it costs in proportion to what was written. */
    private fun rewriteWhenLong() {
        if (journal.size >= LONG && journal.size >= 2 * sizeWhenRewritten) rewrite()
    }

    /** What could not be rewritten, on a full disk, is still there as it was: whoever wrote last has not failed. */
    private fun rewrite() {
        try {
            journal.rewrite(state.entries().map { it.toString() })
        } catch (ignored: IOException) {
        }
        sizeWhenRewritten = journal.size
    }

    private companion object {
        const val LONG = 1L shl 20
    }
}
