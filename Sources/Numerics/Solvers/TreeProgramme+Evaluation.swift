extension TreeProgramme {
  /// The choice that maximises `utilityWeight` · u − Σ `prices[k]` · c_k / scale_k.
  ///
  /// Ties are decided in a fixed way, so the result is the same on every machine. A price equal to
  /// its resource's scale makes every sum a whole number, and the result exact below 2⁵³.
  ///
  /// - Parameter ranges: The options allowed of every variable.
  mutating func maximise(utilityWeight: Double, prices: [Double], ranges: [ClosedRange<Int>])
    -> [Int]
  {
    let prices = zip(prices, scales).map { $0 / $1 }
    for edge in edges { fill(edge, prices: prices, ranges: ranges) }
    let rows = steps.map { base(of: $0, utilityWeight, prices) }
    let charges = steps.map { step in step.products.map { charge($0, step, prices) } }
    for index in steps.indices {
      evaluate(steps[index], base: rows[index], charges: charges[index], ranges: ranges)
    }
    var choice = [Int](repeating: 0, count: counts.count)
    for index in steps.indices.reversed() {
      let step = steps[index]
      choice[step.variable] = bestOption(
        step, base: rows[index], charges: charges[index], range: ranges[step.variable],
        choice: choice)
    }
    return choice
  }

  private mutating func fill(_ edge: Edge, prices: [Double], ranges: [ClosedRange<Int>]) {
    let width = counts[edge.inner]
    let inner = ranges[edge.inner]
    for outer in ranges[edge.outer] {
      let row = edge.start + outer * width
      for place in inner { storage[row + place] = 0 }
      for (resource, table, isExchanged) in edge.costs where prices[resource] != 0 {
        for place in inner {
          let cost = isExchanged ? table[place, outer] : table[outer, place]
          storage[row + place] -= prices[resource] * Double(cost)
        }
      }
    }
  }

  /// What every option of a step's variable is worth alone.
  private func base(of step: Step, _ utilityWeight: Double, _ prices: [Double]) -> [Double] {
    var row = utilities[step.variable].map { utilityWeight * $0 }
    for resource in prices.indices where prices[resource] != 0 {
      let costs = unary[resource][step.variable]
      for option in row.indices { row[option] -= prices[resource] * costs[option] }
    }
    return row
  }

  /// The price a separator variable sets on the shape, by its option.
  private func charge(_ factor: ProductFactor, _ step: Step, _ prices: [Double]) -> [Double] {
    var sum = [Double](repeating: 0, count: counts[step.separator[factor.position]])
    for (resource, values) in factor.costs where prices[resource] != 0 {
      for option in sum.indices { sum[option] += prices[resource] * values[option] }
    }
    return sum
  }

  private func bestOption(
    _ step: Step, base: [Double], charges: [[Double]], range: ClosedRange<Int>, choice: [Int]
  ) -> Int {
    var row = base
    let index = step.separator.map { choice[$0] }
    storage.withUnsafeBufferPointer { storage in
      row.withUnsafeMutableBufferPointer { row in
        guard let values = storage.baseAddress, let target = row.baseAddress else { return }
        step.addRow(
          charges: charges, index: index, range: range, isWhole: true, storage: values, to: target)
      }
    }
    var best = range.lowerBound
    for option in range where row[option] > row[best] { best = option }
    return best
  }

  /// Writes the step's table: for every assignment of the separator, the best of its variable.
  private mutating func evaluate(
    _ step: Step, base: [Double], charges: [[Double]], ranges: [ClosedRange<Int>]
  ) {
    let range = ranges[step.variable]
    var row = base
    var hull = UpperHull(capacity: base.count)
    let walks = step.walks.map { position in
      Walk(
        range: ranges[step.separator[position]], stride: step.strides[position],
        charge: zip(step.products, charges).first { $0.0.position == position }?.1 ?? [])
    }
    var index = step.separator.map { ranges[$0].lowerBound }
    storage.withUnsafeMutableBufferPointer { storage in
      row.withUnsafeMutableBufferPointer { row in
        guard let values = storage.baseAddress, let target = row.baseAddress else { return }
        while true {
          for option in range { target[option] = base[option] }
          step.addRow(
            charges: charges, index: index, range: range, isWhole: false, storage: values,
            to: target)
          let offset = step.start + step.rows.reduce(0) { $0 + index[$1] * step.strides[$1] }
          if walks.isEmpty {
            values[offset] = greatest(target, range)
          } else {
            hull.build(target, step: step, range: range)
            hull.walk(walks[...], price: 0, to: values + offset)
          }
          var place = step.rows.count - 1
          while place >= 0 {
            let position = step.rows[place]
            let limits = ranges[step.separator[position]]
            if index[position] < limits.upperBound {
              index[position] += 1
              break
            }
            index[position] = limits.lowerBound
            place -= 1
          }
          if place < 0 { break }
        }
      }
    }
  }
}

/// A separator variable that only sets a price: its options, its stride in the table, its charges.
struct Walk {
  var range: ClosedRange<Int>
  var stride: Int
  var charge: [Double]
}

/// The greatest number of a row, four at a time.
private func greatest(_ row: UnsafePointer<Double>, _ range: ClosedRange<Int>) -> Double {
  var best = row[range.lowerBound]
  var option = range.lowerBound
  if range.count >= 8 {
    let raw = UnsafeRawPointer(row)
    var lanes = SIMD4<Double>(repeating: best)
    while option + 4 <= range.upperBound + 1 {
      let next = raw.loadUnaligned(fromByteOffset: option * 8, as: SIMD4<Double>.self)
      lanes.replace(with: next, where: next .> lanes)
      option += 4
    }
    best = max(max(lanes[0], lanes[1]), max(lanes[2], lanes[3]))
  }
  while option <= range.upperBound {
    if row[option] > best { best = row[option] }
    option += 1
  }
  return best
}

extension TreeProgramme.Step {
  /// Adds what a step's variable is worth given the separator options in `index`.
  ///
  /// - Parameter isWhole: Whether walks count too, or only the positions that shape the row.
  fileprivate func addRow(
    charges: [[Double]], index: [Int], range: ClosedRange<Int>, isWhole: Bool,
    storage: UnsafePointer<Double>, to row: UnsafeMutablePointer<Double>
  ) {
    for table in tables {
      var start = table.start
      for term in table.terms { start += index[term.position] * term.stride }
      let values = storage + start
      for option in range { row[option] += values[option] }
    }
    var price = 0.0
    for (factor, charge) in zip(products, charges)
    where isWhole || rows.contains(factor.position) {
      price += charge[index[factor.position]]
    }
    guard price != 0 else { return }
    shape.withUnsafeBufferPointer { shape in
      for option in range { row[option] -= price * shape[option] }
    }
  }
}
