// swift-tools-version:5.7
import PackageDescription

let package = Package(
    name: "AssetraSync",
    platforms: [.iOS(.v14), .macOS(.v11)],
    products: [.library(name: "AssetraSync", targets: ["AssetraSync"])],
    targets: [.target(name: "AssetraSync")]
)
