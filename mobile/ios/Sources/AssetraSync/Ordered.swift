/// Values by key, in the order in which the keys came.
struct Ordered<Value> {
    private var places: [String: (place: Int, value: Value)] = [:]
    private var next = 0

    var values: [Value] { places.values.sorted { $0.place < $1.place }.map { $0.value } }

    subscript(key: String) -> Value? {
        get { places[key]?.value }
        set {
            guard let value = newValue else {
                places[key] = nil
                return
            }
            let place = places[key]?.place ?? next
            places[key] = (place, value)
            next = max(next, place + 1)
        }
    }

    @discardableResult
    mutating func remove(_ key: String) -> Value? { places.removeValue(forKey: key)?.value }
}
