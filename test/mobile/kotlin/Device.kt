/** A device without a screen: one command a line on standard input, one answer a line on standard output, all JSON. */
import assetra.sync.DeviceClock
import assetra.sync.FileJournal
import assetra.sync.Options
import assetra.sync.Resolution
import assetra.sync.Session
import assetra.sync.SyncClient
import assetra.sync.SyncResult
import assetra.sync.TokenStore
import assetra.sync.Tokens
import java.io.File
import org.json.JSONArray
import org.json.JSONObject

/**
 * Arguments: a folder, the server's address, the tenant, the device's name, items of one request,
 * assets of one page, ms by which its clock is wrong, ms that it sleeps through after each look at it.
 */
fun main(args: Array<String>) {
    val (folder, server, tenant, name) = args
    val clock = object : DeviceClock {
        var slept = 0L
        override fun now() = DeviceClock.System.now() + args[6].toLong() + slept.also { slept += args[7].toLong() }
        override fun elapsed() = DeviceClock.System.elapsed()
    }
    val session = Session(server, tenant, FileTokens(File(folder, "tokens.json")))
    val options = Options(device = name, batch = args[4].toInt(), limit = args[5].toInt())
    SyncClient(FileJournal(File(folder, "sync.journal")), session, options, clock = clock).use { client ->
        generateSequence(::readLine).forEach { println(answer(client, session, JSONObject(it))) }
    }
}

private fun answer(client: SyncClient, session: Session, command: JSONObject): JSONObject = when (command.getString("do")) {
    "sign-in" -> JSONObject().put("refused", session.signIn(command.getString("username"), command.getString("password"))?.status)
    "scan" -> JSONObject().put("id", client.captureScan(command.getString("raw_value"), command.getString("symbology")))
    "edit" -> JSONObject().put("key", client.captureEdit(command.getLong("id"), command.getJSONObject("fields")))
    "acknowledge" -> JSONObject().also {
        client.acknowledge(command.getString("id"), Resolution.valueOf(command.getString("resolution")))
    }
    "sync" -> result(client.sync())
    "sync-until-done" -> result(client.syncUntilDone())
    else -> picture(client)
}

private fun result(result: SyncResult): JSONObject = when (result) {
    is SyncResult.Done -> JSONObject().put("done", true).put("sent", result.sent).put("rejected", result.rejected)
        .put("pulled", result.pulled)
    is SyncResult.Later -> JSONObject().put("later", result.afterMillis).put("reason", result.reason)
    is SyncResult.SignInNeeded -> JSONObject().put("sign_in", result.reason)
    is SyncResult.Refused -> JSONObject().put("refused", result.status).put("body", result.body)
    is SyncResult.Busy -> JSONObject().put("busy", true)
}

private fun picture(client: SyncClient): JSONObject = JSONObject()
    .put("assets", JSONArray(client.assets()))
    .put("waiting", JSONArray(client.waiting().map { it.key }))
    .put("rejected", JSONArray(client.rejected().map { JSONObject().put("key", it.item.key).put("reason", it.reason) }))
    .put("clock_offset", client.clockOffset())
    .put("conflicts", JSONArray(client.conflicts().map {
        JSONObject().put("id", it.id).put("asset", it.assetId).put("field", it.field).put("winner", it.winner)
            .put("local", it.localValue).put("server", it.serverValue)
    }))

private class FileTokens(private val file: File) : TokenStore {
    override fun load(): Tokens? {
        if (!file.exists()) return null
        val json = JSONObject(file.readText())
        return Tokens(json.getString("access"), json.getString("refresh"))
    }

    override fun save(tokens: Tokens) {
        val fresh = File("$file.new")
        fresh.writeText(JSONObject().put("access", tokens.access).put("refresh", tokens.refresh).toString())
        check(fresh.renameTo(file))
    }
}
