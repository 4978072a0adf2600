package assetra.sync

import org.json.JSONArray
import org.json.JSONObject

/** `optString` would make the text "null" of a null. */
internal fun JSONObject.textOrNull(name: String): String? = if (isNull(name)) null else getString(name)

internal fun JSONArray?.objects(): List<JSONObject> =
    if (this == null) emptyList() else (0 until length()).map { getJSONObject(it) }

internal fun JSONArray?.texts(): List<String> =
    if (this == null) emptyList() else (0 until length()).map { getString(it) }

internal fun JSONArray?.longs(): List<Long> =
    if (this == null) emptyList() else (0 until length()).map { getLong(it) }
