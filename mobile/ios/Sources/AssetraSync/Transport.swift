import Foundation
#if canImport(FoundationNetworking)
import FoundationNetworking
#endif

public struct Reply {
    public let status: Int
    public let body: Data
    public let retryAfter: String?

    public init(status: Int, body: Data, retryAfter: String?) {
        self.status = status
        self.body = body
        self.retryAfter = retryAfter
    }

    public var text: String { String(decoding: body, as: UTF8.self) }

    /// `Retry-After` is seconds or a date.
    func retryAfterSeconds(now: Int64) -> TimeInterval? {
        guard let text = retryAfter?.trimmingCharacters(in: .whitespaces) else { return nil }
        if let seconds = Int(text) { return TimeInterval(seconds) }
        let format = DateFormatter()
        format.locale = Locale(identifier: "en_US_POSIX")
        format.timeZone = TimeZone(identifier: "GMT")
        format.dateFormat = "EEE, dd MMM yyyy HH:mm:ss zzz"
        guard let date = format.date(from: text) else { return nil }
        return max(0, date.timeIntervalSince1970 - Double(now) / 1_000)
    }
}

/// One POST. Throws for an answer that did not come whole.
public protocol Transport {
    func post(_ url: URL, headers: [String: String], body: Data) throws -> Reply
}

/// Blocks its thread, which must not be the main one.
public final class HttpTransport: NSObject, Transport, URLSessionTaskDelegate {
    private let timeout: TimeInterval

    private lazy var session: URLSession = {
        let configuration = URLSessionConfiguration.ephemeral
        configuration.timeoutIntervalForRequest = timeout
        configuration.waitsForConnectivity = false
        return URLSession(configuration: configuration, delegate: self, delegateQueue: nil)
    }()

    public init(timeout: TimeInterval = 60) {
        self.timeout = timeout
        super.init()
        _ = session
    }

    public func post(_ url: URL, headers: [String: String], body: Data) throws -> Reply {
        var request = URLRequest(url: url)
        request.httpMethod = "POST"
        request.httpBody = body
        request.setValue("application/json", forHTTPHeaderField: "Content-Type")
        request.setValue("application/json", forHTTPHeaderField: "Accept")
        for (name, value) in headers { request.setValue(value, forHTTPHeaderField: name) }
        let answer = Answered()
        let done = DispatchSemaphore(value: 0)
        session.dataTask(with: request) { data, response, error in
            answer.data = data
            answer.response = response as? HTTPURLResponse
            answer.error = error
            done.signal()
        }.resume()
        done.wait()
        if let error = answer.error { throw error }
        guard let response = answer.response else { throw SyncError.cut("No answer.") }
        let retryAfter = response.value(forHTTPHeaderField: "Retry-After")
        return Reply(status: response.statusCode, body: answer.data ?? Data(), retryAfter: retryAfter)
    }

    /// A redirect is answered as it is: it would make a GET of the POST.
    public func urlSession(
        _ session: URLSession,
        task: URLSessionTask,
        willPerformHTTPRedirection response: HTTPURLResponse,
        newRequest request: URLRequest,
        completionHandler: @escaping (URLRequest?) -> Void
    ) {
        completionHandler(nil)
    }

    private final class Answered {
        var data: Data?
        var response: HTTPURLResponse?
        var error: Error?
    }
}
