package assetra.sync

sealed class SyncResult {
    /** All that was queued is sent, all that changed is here. [rejected] items wait for a person: SyncClient.rejected(). */
    data class Done(val sent: Int, val rejected: Int, val pulled: Int) : SyncResult()

    /** The network or the server is away, or busy. Nothing is lost; try again after that time. */
    data class Later(val afterMillis: Long, val reason: String) : SyncResult()

    data class SignInNeeded(val reason: String) : SyncResult()

    /** The server will not have this request: such as 403, no member of the tenant. Nothing is lost; trying again will not help. */
    data class Refused(val status: Int, val body: String) : SyncResult()

    /** Another thread is at it. */
    object Busy : SyncResult()
}
