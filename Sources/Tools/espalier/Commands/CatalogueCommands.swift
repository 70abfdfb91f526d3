import ArgumentParser
import Catalogue
import CoordinatorService
import Digests
import Foundation
import JobEngine
import Pipeline

/// `espalier variants`: the catalogue, asked by constraint.
struct VariantsCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "variants",
    abstract: "List variants that meet a constraint.",
    discussion: """
      Example: espalier variants "macs <= 60M and accuracy >= 91.5% and \
      device.class in ('phone', 'watch')" --order-by -accuracy

      A constraint compares fields with =, !=, <, <=, >, >=, in (…), not in, between … and …, \
      like, is null, joined by and, or, not and parentheses. Amounts take units: 60M, 400k, \
      1.5MB, 91.5%. Fields: \(Field.all.map(\.name).joined(separator: ", ")).
      """)

  @Argument(help: "What the variants must meet.") var constraint: String?
  @Option(help: "Only of this sweep, by name or id.") var sweep: String?
  @Option(help: "Only for this device.") var device: String?
  @Option(
    parsing: .unconditional, help: "Field to order by; a leading - for the greatest first.")
  var orderBy: String?
  @Option(help: "At most so many.") var limit: Int?
  @Option(help: "Only those that no other beats in all of these fields, such as accuracy,macs.")
  var pareto: String?
  @Option(help: "table, json or csv.") var format = VariantRendering.table
  @OptionGroup var cluster: ClusterOptions

  func run() async throws {
    let query = VariantQuery(
      constraint: try constraint.map { try Constraint(parsing: $0) }, sweep: sweep, device: device,
      order: try orderBy.map { try VariantQuery.Order(parsing: $0) }, limit: limit,
      pareto: try pareto.map { try VariantQuery.paretoFields(parsing: $0) } ?? [])
    let variants = try await LocalCluster(cluster).reading { stores in
      if let sweep { _ = try await stores.sweeps.find(sweep) }
      return try await stores.variants.list(query)
    }
    print(try format.render(variants), terminator: "")
  }
}

extension VariantRendering: ExpressibleByArgument {}

/// `espalier export`: a pruned network as a file.
struct ExportCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "export",
    abstract: "Write the pruned network of a variant.")

  @Argument(help: "Id of the variant, or as much of it as is unique.") var variant: String
  @Option(name: .shortAndLong, help: "The ONNX file to write.") var output: String
  @OptionGroup var cluster: ClusterOptions

  func run() async throws {
    let data = try await LocalCluster(cluster).reading { stores in
      let one = try await stores.variants.find(variant)
      guard let digest = one.digest.flatMap({ Digest(hex: $0) }) else {
        throw InputError(
          "variant \(one.id) is \(one.status.rawValue) and has no network"
            + (one.reason.map { ": \($0)" } ?? ""))
      }
      return try stores.artifacts.data(for: digest)
    }
    try data.writeWhole(to: output)
    note("wrote \(output), \(data.count) bytes")
  }
}
