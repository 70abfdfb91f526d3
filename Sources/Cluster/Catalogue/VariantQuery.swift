/// Which variants are wanted, in which order.
public struct VariantQuery: Sendable, Hashable {
  /// A field to order by; variants without a value come last.
  public struct Order: Sendable, Hashable {
    public var field: Field
    public var isDescending: Bool

    public init(field: Field, isDescending: Bool = false) {
      self.field = field
      self.isDescending = isDescending
    }

    /// Reads `macs`, `-accuracy`, `accuracy desc` or `macs asc`.
    public init(parsing text: String) throws(CatalogueError) {
      var words = text.split(separator: " ").map(String.init)
      var isDescending = false
      if let direction = words.dropFirst().first?.lowercased(), ["asc", "desc"].contains(direction)
      {
        isDescending = direction == "desc"
        words.remove(at: 1)
      } else if text.hasPrefix("-") {
        isDescending = true
        words[0].removeFirst()
      }
      guard words.count == 1 else {
        throw CatalogueError(
          .invalidField, "'\(text)' is no order; write a field, as in macs, -accuracy or 'gap desc'"
        )
      }
      self.init(field: try Field.required(words[0], for: "order by"), isDescending: isDescending)
    }
  }

  public var constraint: Constraint?
  /// A name or an id.
  public var sweep: String?
  public var device: String?
  /// Without an order: newest sweep first, in the order of its devices.
  public var order: Order?
  public var limit: Int?
  /// Only variants that no other one of the same query beats in all of these.
  public var pareto: [Field]

  public init(
    constraint: Constraint? = nil, sweep: String? = nil, device: String? = nil,
    order: Order? = nil, limit: Int? = nil, pareto: [Field] = []
  ) {
    self.constraint = constraint
    self.sweep = sweep
    self.device = device
    self.order = order
    self.limit = limit
    self.pareto = pareto
  }

  /// Reads the fields of a front, such as `accuracy,macs`.
  public static func paretoFields(parsing text: String) throws(CatalogueError) -> [Field] {
    var fields: [Field] = []
    for name in text.split(separator: ",", omittingEmptySubsequences: false) {
      let name = name.filter { !$0.isWhitespace }
      let field = try Field.required(name, for: "compare by")
      guard field.isBetterHigher != nil else {
        let known = Field.all.filter { $0.isBetterHigher != nil }.map(\.name)
        throw CatalogueError(
          .invalidField,
          "neither more nor less of \(name) is better; compare by \(known.joined(separator: ", "))")
      }
      fields.append(field)
    }
    return fields
  }
}

extension Field {
  static func required(_ name: String, for purpose: String) throws(CatalogueError) -> Field {
    if let field = Field.named(name) { return field }
    let near = Field.nearest(to: name)
    let names = near.isEmpty ? Field.all.map(\.name) : near
    throw CatalogueError(
      .invalidField,
      "there is no field '\(name)' to \(purpose); "
        + (near.isEmpty ? "the fields are " : "did you mean ") + names.joined(separator: ", "))
  }
}
