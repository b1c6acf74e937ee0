import HTTPTypes
import NIOCore

extension Answer {
    /// The whole answer as it goes over the wire, for HTTP/1.1 on a connection that stays open.
    func bytes(id: String, date: String, allocator: ByteBufferAllocator) -> ByteBuffer {
        var content = ByteBuffer()
        if case .buffer(let buffer) = body { content = buffer }
        var bytes = allocator.buffer(capacity: 320 + content.readableBytes)
        bytes.writeStaticString("HTTP/1.1 ")
        bytes.writeString(String(status.code))
        bytes.writeStaticString(" ")
        bytes.writeString(status.reasonPhrase)
        for field in headers {
            bytes.writeStaticString("\r\n")
            bytes.writeString(field.name.rawName)
            bytes.writeStaticString(": ")
            bytes.writeString(field.value)
        }
        if status != .accepted { bytes.writeStaticString("\r\nX-Content-Type-Options: nosniff") }
        bytes.writeStaticString("\r\nX-Request-Id: ")
        bytes.writeString(id)
        bytes.writeStaticString("\r\nDate: ")
        bytes.writeString(date)
        bytes.writeStaticString("\r\nContent-Length: ")
        bytes.writeString(String(content.readableBytes))
        bytes.writeStaticString("\r\n\r\n")
        bytes.writeBuffer(&content)
        return bytes
    }
}
