import Foundation

public typealias Json = [String: Any]

extension Dictionary where Key == String, Value == Any {
    init(data: Data) throws {
        guard let json = try JSONSerialization.jsonObject(with: data) as? Json else { throw SyncError.unreadable("JSON") }
        self = json
    }

    /// On one line: a line break within a text is escaped. Always in the same order: the server knows an edit again by its text.
    func data() throws -> Data {
        guard JSONSerialization.isValidJSONObject(self) else { throw SyncError.unreadable("JSON") }
        return try JSONSerialization.data(withJSONObject: self, options: [.sortedKeys])
    }

    func text(_ name: String) throws -> String { try value(name) }

    func object(_ name: String) throws -> Json { try value(name) }

    func objects(_ name: String) throws -> [Json] { try value(name) }

    func texts(_ name: String) throws -> [String] { try value(name) }

    func flag(_ name: String) throws -> Bool { try value(name) }

    func integer(_ name: String) throws -> Int64 {
        let number: NSNumber = try value(name)
        return number.int64Value
    }

    func integers(_ name: String) throws -> [Int64] {
        let numbers: [NSNumber] = try value(name)
        return numbers.map { $0.int64Value }
    }

    private func value<Wanted>(_ name: String) throws -> Wanted {
        guard let value = self[name] as? Wanted else { throw SyncError.unreadable(name) }
        return value
    }
}
