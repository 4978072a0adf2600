import Foundation

/// Where entries are kept. An entry is there whole or not at all; once `append` has returned it outlives a power cut.
public protocol Journal: AnyObject {
    /// Bytes; what decides about a rewrite.
    var size: UInt64 { get }

    /// In the order written. Returns false when something between the entries could not be read.
    func replay(_ each: (Data) throws -> Void) throws -> Bool

    /// Throws when it could not be written; then it is not there.
    func append(_ entry: Data) throws

    /// All entries are replaced by these, at once. `entries` hands them to its argument one by one.
    func rewrite(_ entries: ((Data) throws -> Void) throws -> Void) throws

    func close() throws
}

/// One entry a line, its CRC-32 before it: `1c291ca3 {...}`. A line that was being written when the power went has no end or
/// another sum, and is cut off when the next one is written.
public final class FileJournal: Journal {
    private let file: URL
    private let lock: FileHandle
    private var handle: FileHandle
    /// End of the last whole entry.
    private var end: UInt64 = 0

    public init(file: URL) throws {
        self.file = file
        let folder = file.deletingLastPathComponent()
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        let lock = try FileJournal.open(file.appendingPathExtension("lock"))
        guard flock(lock.fileDescriptor, LOCK_EX | LOCK_NB) == 0 else {
            throw SyncError.journal("Another process has \(file.path) open.")
        }
        self.lock = lock
        self.handle = try FileJournal.open(file)
        FileJournal.syncFolder(folder)
    }

    public var size: UInt64 { end }

    public func replay(_ each: (Data) throws -> Void) throws -> Bool {
        try handle.seek(toOffset: 0)
        let bytes = try handle.readToEnd() ?? Data()
        var whole = true
        var start = 0
        end = 0
        while let stop = bytes[start...].firstIndex(of: FileJournal.lineFeed) {
            if let entry = FileJournal.entry(in: bytes[start..<stop]) {
                // A bad line before a good one is no torn end but a damaged disk.
                if end != UInt64(start) { whole = false }
                end = UInt64(stop + 1)
                try each(entry)
            }
            start = stop + 1
        }
        if !whole { try bytes.write(to: file.appendingPathExtension("damaged"), options: .atomic) }
        return whole
    }

    public func append(_ entry: Data) throws {
        // What is left of a line that could not be written.
        if try handle.seekToEnd() != end { try handle.truncate(atOffset: end) }
        try handle.seek(toOffset: end)
        let line = FileJournal.line(of: entry)
        try handle.write(contentsOf: line)
        try FileJournal.sync(handle)
        end += UInt64(line.count)
    }

    public func rewrite(_ entries: ((Data) throws -> Void) throws -> Void) throws {
        let fresh = file.appendingPathExtension("new")
        let target = try FileJournal.open(fresh)
        var length: UInt64 = 0
        do {
            try target.truncate(atOffset: 0)
            try entries { entry in
                let line = FileJournal.line(of: entry)
                try target.write(contentsOf: line)
                length += UInt64(line.count)
            }
            try FileJournal.sync(target)
            guard rename(fresh.path, file.path) == 0 else { throw SyncError.journal("rename: errno \(errno)") }
        } catch {
            try? target.close()
            throw error
        }
        try? handle.close()
        handle = target
        end = length
        FileJournal.syncFolder(file.deletingLastPathComponent())
    }

    public func close() throws {
        try handle.close()
        try lock.close()
    }

    private static func open(_ file: URL) throws -> FileHandle {
        if !FileManager.default.fileExists(atPath: file.path) {
            // Readable after the first unlock, so that a background task may sync while the screen is locked.
            #if os(iOS)
            let attributes: [FileAttributeKey: Any] = [.protectionKey: FileProtectionType.completeUntilFirstUserAuthentication]
            #else
            let attributes: [FileAttributeKey: Any] = [:]
            #endif
            guard FileManager.default.createFile(atPath: file.path, contents: nil, attributes: attributes) else {
                throw SyncError.journal("\(file.path) cannot be made.")
            }
        }
        return try FileHandle(forUpdating: file)
    }

    /// On Apple's systems fsync alone leaves data in the cache of the drive.
    private static func sync(_ handle: FileHandle) throws {
        #if canImport(Darwin)
        if fcntl(handle.fileDescriptor, F_FULLFSYNC) == 0 { return }
        #endif
        try handle.synchronize()
    }

    /// A new name in a folder is durable only when the folder is.
    private static func syncFolder(_ folder: URL) {
        guard let stream = opendir(folder.path) else { return }
        _ = fsync(dirfd(stream))
        closedir(stream)
    }

    private static let lineFeed = UInt8(ascii: "\n")
    private static let sumLength = 8

    private static func line(of entry: Data) -> Data {
        Data("\(sum(of: entry)) ".utf8) + entry + Data([lineFeed])
    }

    private static func entry(in line: Data) -> Data? {
        guard line.count > sumLength else { return nil }
        let body = Data(line.dropFirst(sumLength + 1))
        return Data(line.prefix(sumLength)) == Data(sum(of: body).utf8) ? body : nil
    }

    private static func sum(of data: Data) -> String {
        let text = String(crc32(data), radix: 16)
        return String(repeating: "0", count: sumLength - text.count) + text
    }
}
