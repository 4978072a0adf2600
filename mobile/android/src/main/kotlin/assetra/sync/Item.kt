package assetra.sync

import org.json.JSONException
import org.json.JSONObject

/** [list] is the part of a request that it is sent in. */
enum class Kind(internal val list: String) {
    SCAN("scan_events"),
    EDIT("asset_changes"),
    ACKNOWLEDGEMENT("conflict_acknowledgements")
}

/** What waits to be sent. [body] is fixed when it is queued: the server refuses a known id that comes with another body. */
data class Item(val kind: Kind, val key: String, val body: String) {
    internal fun toJson(): JSONObject =
        JSONObject().put("kind", kind.name).put("key", key).put("body", JSONObject(body))

    internal companion object {
        fun of(json: JSONObject) =
            Item(Kind.valueOf(json.getString("kind")), json.getString("key"), json.getJSONObject("body").toString())

        fun acknowledgementKey(conflictId: String) = "acknowledgement:$conflictId"
    }
}

/** An item that the server will never take, kept with its [reason] until a person sends it anew or discards it. */
data class Rejected(val item: Item, val reason: String)

/**
 * Two values of one field, of which [winner] stands on the server until this is acknowledged. The values are texts to be shown:
 * nothing is empty text, what is no text is JSON.
 */
data class Conflict(
    val id: String,
    val assetId: Long,
    val field: String,
    val localValue: String,
    val serverValue: String,
    val winner: String,
    val reason: String,
    val detail: String,
    internal val json: String
) {
    internal companion object {
        fun of(json: JSONObject) = Conflict(
            id = json.getString("id"),
            assetId = json.getString("asset_id").toLongOrNull() ?: throw JSONException("asset_id"),
            field = json.getString("field"),
            localValue = json.getString("local_value"),
            serverValue = json.getString("server_value"),
            winner = json.optString("winner"),
            reason = json.optString("reason"),
            detail = json.optString("detail"),
            json = json.toString()
        )
    }
}

enum class Resolution(internal val word: String) { ACCEPT_SERVER("accept_server"), KEEP_LOCAL("keep_local") }
