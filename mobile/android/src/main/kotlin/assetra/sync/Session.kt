package assetra.sync

import java.io.IOException
import org.json.JSONException
import org.json.JSONObject

/** [refresh] is null for an API token, which lives until it is revoked. */
data class Tokens(val access: String, val refresh: String?)

/** Where the app keeps its tokens. [save] returns when they are stored: the old refresh token is worth nothing soon after. */
interface TokenStore {
    fun load(): Tokens?
    fun save(tokens: Tokens)
}

/** Nothing but a person's name and password helps; what is queued stays. */
class SignInNeeded(message: String) : Exception(message)

/** Requests in the name of a user, in one tenant. */
class Session(
    private val server: String,
    private val tenant: String,
    private val tokens: TokenStore,
    private val transport: Transport = HttpTransport()
) {
    /** Null when signed in; otherwise what the server answered. */
    fun signIn(username: String, password: String): Reply? {
        val body = JSONObject().put("username", username).put("password", password)
        val reply = transport.post(url("auth/token/"), emptyMap(), body.toString())
        return if (reply.status == 200) null.also { tokens.save(read(reply)) } else reply
    }

    /** [path] below /api/v1/. Throws SignInNeeded, and IOException as the transport does. */
    fun post(path: String, body: String): Reply {
        val used = tokens.load() ?: throw SignInNeeded("Nobody has signed in.")
        val reply = send(path, body, used)
        if (reply.status != 401) return reply
        refresh(used)?.let { return it }
        val again = send(path, body, tokens.load() ?: throw SignInNeeded("Somebody has signed out."))
        if (again.status == 401) throw SignInNeeded(again.body)
        return again
    }

    /** One at a time: whoever comes second finds the tokens that the first one brought. Null when there are new ones. */
    @Synchronized
    private fun refresh(used: Tokens): Reply? {
        val current = tokens.load()
        if (current != null && current.access != used.access) return null
        val refresh = current?.refresh ?: throw SignInNeeded("The token is no longer valid.")
        val reply = transport.post(url("auth/token/refresh/"), emptyMap(), JSONObject().put("refresh", refresh).toString())
        when (reply.status) {
            200 -> tokens.save(read(reply))
            400, 401, 403 -> throw SignInNeeded(reply.body)
            else -> return reply
        }
        return null
    }

    private fun send(path: String, body: String, tokens: Tokens): Reply {
        val headers = mapOf("Authorization" to "Bearer ${tokens.access}", "X-Tenant-ID" to tenant)
        return transport.post(url(path), headers, body)
    }

    private fun read(reply: Reply): Tokens = try {
        JSONObject(reply.body).let { Tokens(it.getString("access"), it.getString("refresh")) }
    } catch (error: JSONException) {
        throw IOException("The answer holds no tokens.")
    }

    private fun url(path: String) = "${server.trimEnd('/')}/api/v1/$path"
}
