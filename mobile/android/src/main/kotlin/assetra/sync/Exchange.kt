package assetra.sync

import java.io.IOException
import java.time.DateTimeException
import org.json.JSONArray
import org.json.JSONException
import org.json.JSONObject

/** One request to sync/ and what its answer means for the journal. */
internal class Exchange(private val batch: List<Item>, private val cursor: String?, private val limit: Int) {
    private val lists: Map<String, List<Item>> = batch.groupBy { it.kind.list }

    fun body(device: String): String {
        // An empty cursor says: begin, and this client knows of cursors.
        val body = JSONObject().put("cursor", cursor ?: "").put("limit", limit).put("device_identifier", device)
        lists.forEach { (list, items) -> body.put(list, JSONArray(items.map { JSONObject(it.body) })) }
        return body.toString()
    }

    /** Throws IOException for text that is no whole answer: nothing of it counts then. */
    fun read(text: String): Answer = try {
        read(JSONObject(text))
    } catch (error: JSONException) {
        throw IOException("Not an answer of sync: ${error.message}")
    } catch (error: DateTimeException) {
        throw IOException("Not an answer of sync: ${error.message}")
    }

    private fun read(json: JSONObject): Answer {
        val settled = JSONArray()
        val rejected = JSONArray()
        json.getJSONArray("results").objects().forEach { result ->
            // What no result names stays queued.
            val item = lists[result.getString("list")]?.getOrNull(result.getInt("index")) ?: return@forEach
            if (result.getString("status") != "rejected") settled.put(item.key)
            else rejected.put(JSONObject().put("key", item.key).put("reason", result.textOrNull("detail") ?: "rejected"))
        }
        val more = json.getBoolean("has_more")
        val rows = json.getJSONArray("asset_changes")
        val deleted = json.getJSONArray("deleted_asset_ids")
        val conflicts = json.getJSONArray("conflicts")
        val closed = json.getJSONArray("acknowledged_conflicts")
        // Read once before it is stored: an entry that cannot be applied would be met again on every start.
        rows.objects().forEach { it.getLong("id") }
        conflicts.objects().forEach { Conflict.of(it) }
        deleted.longs()
        closed.texts()
        val entry = State.answer()
            .put("settled", settled)
            .put("rejected", rejected)
            .put("reset", json.optBoolean("reset_required"))
            .put("rows", rows)
            .put("deleted", deleted)
            .put("conflicts", conflicts)
            .put("closed", closed)
            .put("cursor", json.getString("next_cursor"))
            .put("complete", !more)
        val pulled = rows.length() + deleted.length()
        val moved = json.getString("next_cursor") != cursor
        return Answer(entry, settled.length(), rejected.length(), pulled, more, moved, Times.millis(json.getString("server_time")))
    }
}

internal class Answer(
    val entry: JSONObject,
    val settled: Int,
    val rejected: Int,
    val pulled: Int,
    val hasMore: Boolean,
    /** Whether the cursor is another one now. */
    val moved: Boolean,
    /** Milliseconds. */
    val serverTime: Long
)
