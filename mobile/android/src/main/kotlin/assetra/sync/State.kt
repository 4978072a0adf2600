package assetra.sync

import org.json.JSONArray
import org.json.JSONObject

/** All that a device knows, as the entries of its journal make it: each entry is applied when it is written and on every start. */
internal class State {
    val outbox = LinkedHashMap<String, Item>()
    val rejected = LinkedHashMap<String, Rejected>()
    val conflicts = LinkedHashMap<String, Conflict>()

    /** Asset id to row. Rows stay text: a parsed one takes several times the memory. */
    var replica = HashMap<Long, String>()
        private set

    /** The replica that a reset builds beside the old one, which is shown until this one is whole. */
    private var rebuilt: HashMap<Long, String>? = null
    var cursor: String? = null
        private set

    /** Server clock minus device clock, milliseconds. */
    var clockOffset = 0L
        private set

    fun apply(entry: JSONObject) {
        when (entry.getString("op")) {
            "queue" -> Item.of(entry.getJSONObject("item")).let {
                rejected.remove(it.key)
                outbox[it.key] = it
            }
            "discard" -> rejected.remove(entry.getString("key"))?.item?.let {
                if (it.kind == Kind.ACKNOWLEDGEMENT) conflicts.remove(JSONObject(it.body).getString("conflict_id"))
            }
            "answer" -> applyAnswer(entry)
        }
    }

    /** One entry for all that an answer says, so that its page, its cursor and what leaves the outbox are stored together. */
    private fun applyAnswer(entry: JSONObject) {
        entry.optJSONArray("settled").texts().forEach { outbox.remove(it) }
        entry.optJSONArray("rejected").objects().forEach { refusal ->
            val key = refusal.getString("key")
            val item = outbox.remove(key) ?: refusal.optJSONObject("item")?.let { Item.of(it) }
            if (item != null) rejected[key] = Rejected(item, refusal.getString("reason"))
        }
        if (entry.optBoolean("reset")) {
            rebuilt = HashMap()
            cursor = null
        }
        val target = rebuilt ?: replica
        entry.optJSONArray("rows").objects().forEach { target[it.getLong("id")] = it.toString() }
        entry.optJSONArray("deleted").longs().forEach { target.remove(it) }
        entry.optJSONArray("conflicts").objects().map { Conflict.of(it) }.forEach { conflicts[it.id] = it }
        entry.optJSONArray("closed").texts().forEach { conflicts.remove(it) }
        if (entry.has("cursor")) cursor = entry.textOrNull("cursor")
        if (entry.has("clock_offset")) clockOffset = entry.getLong("clock_offset")
        if (entry.optBoolean("complete")) rebuilt?.let {
            replica = it
            rebuilt = null
        }
    }

    /** The entries of a journal that makes this state anew. */
    fun entries(): Sequence<JSONObject> = sequence {
        yieldAll(rowsOf(replica))
        yield(answer().put("cursor", cursor ?: JSONObject.NULL).put("clock_offset", clockOffset))
        rebuilt?.let { rows ->
            yield(answer().put("reset", true).put("cursor", cursor ?: JSONObject.NULL))
            yieldAll(rowsOf(rows))
        }
        outbox.values.forEach { yield(JSONObject().put("op", "queue").put("item", it.toJson())) }
        yield(answer().put("conflicts", JSONArray(conflicts.values.map { JSONObject(it.json) })))
        yield(answer().put("rejected", JSONArray(rejected.values.map { refusalOf(it) })))
    }

    private fun rowsOf(rows: Map<Long, String>): Sequence<JSONObject> =
        rows.values.asSequence().chunked(ROWS_AN_ENTRY).map { some ->
            answer().put("rows", JSONArray(some.map { JSONObject(it) }))
        }

    private fun refusalOf(rejected: Rejected) =
        JSONObject().put("key", rejected.item.key).put("reason", rejected.reason).put("item", rejected.item.toJson())

    internal companion object {
        private const val ROWS_AN_ENTRY = 200

        fun answer(): JSONObject = JSONObject().put("op", "answer")
    }
}
