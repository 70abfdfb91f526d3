import TestSupport
import Testing

/// The programs as a user meets them: processes, sockets, a real database. One test at a time:
/// each starts a cluster of its own.
@Suite("System", .serialized, .tags(.system))
enum SystemTests {}
