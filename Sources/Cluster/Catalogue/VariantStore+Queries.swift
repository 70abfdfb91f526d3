import Foundation
import Postgres

extension VariantStore {
  static func upsert(_ variant: Variant) throws -> SQL {
    let encoder = JSONEncoder()
    encoder.outputFormatting = .sortedKeys
    let widths = try variant.widths.map(encoder.encode)
    let budgets = try variant.budgets.map(encoder.encode)
    return """
      insert into variants (
        sweep_id, device, device_class, status, reason,
        macs, parameters, model_bytes, peak_activation_bytes,
        latency_seconds, latency_spread_seconds, predicted_latency_seconds, latency_source,
        accuracy, accuracy_top5, accuracy_before, baseline_accuracy, baseline_top5,
        same_class, cosine, squared_error, images,
        accuracy_low, accuracy_high, accuracy_fitted, shared_images, data_digest, runtime,
        objective, bound, gap, widths, budgets, strategy, criterion, reconstruction,
        recovered_with, recipe, digest, model_digest, model_name)
      values (
        \(variant.sweepID), \(variant.device), \(variant.deviceClass),
        \(variant.status.rawValue), \(variant.reason),
        \(variant.macs), \(variant.parameters), \(variant.modelBytes),
        \(variant.peakActivationBytes),
        \(variant.latencySeconds), \(variant.latencySpreadSeconds),
        \(variant.predictedLatencySeconds), \(variant.latencySource),
        \(variant.accuracy), \(variant.accuracyTop5), \(variant.accuracyBefore),
        \(variant.baselineAccuracy), \(variant.baselineTop5),
        \(variant.sameClass), \(variant.cosine), \(variant.squaredError),
        \(variant.images),
        \(variant.accuracyLow), \(variant.accuracyHigh), \(variant.accuracyFitted),
        \(variant.sharedImages), \(variant.dataDigest), \(variant.runtime),
        \(variant.objective), \(variant.bound), \(variant.gap), \(json: widths),
        \(json: budgets), \(variant.strategy), \(variant.criterion), \(variant.reconstruction),
        \(variant.recoveredWith), \(json: variant.recipe),
        \(variant.digest), \(variant.modelDigest), \(variant.model))
      on conflict (sweep_id, device) do update set
        device_class = excluded.device_class, status = excluded.status, reason = excluded.reason,
        macs = excluded.macs, parameters = excluded.parameters,
        model_bytes = excluded.model_bytes,
        peak_activation_bytes = excluded.peak_activation_bytes,
        latency_seconds = excluded.latency_seconds,
        latency_spread_seconds = excluded.latency_spread_seconds,
        predicted_latency_seconds = excluded.predicted_latency_seconds,
        latency_source = excluded.latency_source,
        accuracy = excluded.accuracy, accuracy_top5 = excluded.accuracy_top5,
        accuracy_before = excluded.accuracy_before,
        baseline_accuracy = excluded.baseline_accuracy, baseline_top5 = excluded.baseline_top5,
        same_class = excluded.same_class, cosine = excluded.cosine,
        squared_error = excluded.squared_error, images = excluded.images,
        accuracy_low = excluded.accuracy_low, accuracy_high = excluded.accuracy_high,
        accuracy_fitted = excluded.accuracy_fitted, shared_images = excluded.shared_images,
        data_digest = excluded.data_digest, runtime = excluded.runtime,
        criterion = excluded.criterion, reconstruction = excluded.reconstruction,
        recovered_with = excluded.recovered_with,
        objective = excluded.objective, bound = excluded.bound, gap = excluded.gap,
        widths = excluded.widths, budgets = excluded.budgets, strategy = excluded.strategy,
        recipe = excluded.recipe, digest = excluded.digest,
        model_digest = excluded.model_digest, model_name = excluded.model_name
      returning id
      """
  }

  static func select(_ query: VariantQuery) -> SQL {
    var conditions: [SQL] = ["true"]
    if let sweep = query.sweep { conditions.append(sweepIs(sweep)) }
    if let device = query.device { conditions.append("v.device = \(device)") }
    if let constraint = query.constraint { conditions.append(constraint.sql) }
    var order: SQL = "s.created_at desc, s.id, v.created_at, v.id"
    if let wanted = query.order, let column = wanted.field.columns.last {
      let direction = wanted.isDescending ? "desc" : "asc"
      order = "\(unescaped: column) \(unescaped: direction) nulls last, \(order)"
    }
    var sql: SQL = """
      select v.*, s.name as sweep_name from variants v join sweeps s on s.id = v.sweep_id
      where \(conditions.joined(separator: " and ")) order by \(order)
      """
    // A front is made of all variants; only then is it cut.
    if let limit = query.limit, query.pareto.isEmpty { sql = sql + " limit \(limit)" }
    return sql
  }

  static func select(idPrefix prefix: String) -> SQL {
    """
    select v.*, s.name as sweep_name from variants v join sweeps s on s.id = v.sweep_id
    where starts_with(v.id, \(prefix)) and \(prefix)::text <> '' order by v.id
    """
  }

  static func sweeps(_ sweep: String) -> SQL {
    "select s.id from sweeps s where \(sweepIs(sweep))"
  }

  /// A sweep's id, or the name where it is the newest of that name.
  static func sweepIs(_ sweep: String) -> SQL {
    "(s.id = \(sweep) or (s.name = \(sweep) and not s.superseded))"
  }

  static func variant(of row: Row) throws -> Variant {
    let text: String = try row.value("status")
    guard let status = Variant.Status(rawValue: text) else {
      throw CatalogueError(.corrupt, "a variant has the unknown status '\(text)'")
    }
    var variant = Variant(
      sweepID: try row.value("sweep_id"), device: try row.value("device"),
      deviceClass: try row.value("device_class"), status: status,
      reason: try row.value("reason"), model: try row.value("model_name"),
      modelDigest: try row.value("model_digest"))
    variant.id = try row.value("id")
    variant.sweep = try row.value("sweep_name")
    variant.macs = try row.value("macs")
    variant.parameters = try row.value("parameters")
    variant.modelBytes = try row.value("model_bytes")
    variant.peakActivationBytes = try row.value("peak_activation_bytes")
    variant.latencySeconds = try row.value("latency_seconds")
    variant.latencySpreadSeconds = try row.value("latency_spread_seconds")
    variant.predictedLatencySeconds = try row.value("predicted_latency_seconds")
    variant.latencySource = try row.value("latency_source")
    variant.accuracy = try row.value("accuracy")
    variant.accuracyBefore = try row.value("accuracy_before")
    variant.accuracyTop5 = try row.value("accuracy_top5")
    variant.baselineAccuracy = try row.value("baseline_accuracy")
    variant.baselineTop5 = try row.value("baseline_top5")
    variant.sameClass = try row.value("same_class")
    variant.cosine = try row.value("cosine")
    variant.squaredError = try row.value("squared_error")
    variant.images = try row.value("images")
    variant.accuracyLow = try row.value("accuracy_low")
    variant.accuracyHigh = try row.value("accuracy_high")
    variant.accuracyFitted = try row.value("accuracy_fitted")
    variant.sharedImages = try row.value("shared_images")
    variant.dataDigest = try row.value("data_digest")
    variant.runtime = try row.value("runtime")
    variant.criterion = try row.value("criterion")
    variant.reconstruction = try row.value("reconstruction")
    variant.recoveredWith = try row.value("recovered_with")
    variant.objective = try row.value("objective")
    variant.bound = try row.value("bound")
    variant.gap = try row.value("gap")
    variant.widths = try json(row, "widths")
    variant.budgets = try json(row, "budgets")
    variant.strategy = try row.value("strategy")
    variant.digest = try row.value("digest")
    variant.recipe = try row.value("recipe")
    return variant
  }

  private static func json<Content: Decodable>(_ row: Row, _ column: String) throws -> Content? {
    guard let data = try row.value(column, as: Data?.self) else { return nil }
    do {
      return try JSONDecoder().decode(Content.self, from: data)
    } catch {
      throw CatalogueError(.corrupt, "the \(column) of a variant cannot be read: \(error)")
    }
  }
}
