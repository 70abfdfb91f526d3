import Testing

extension Tag {
  /// Needs no machine: values in, values out.
  @Tag public static var pure: Self
  /// Runs networks.
  @Tag public static var backend: Self
  /// Needs PostgreSQL, sockets or processes.
  @Tag public static var system: Self
}
