/// The known names that a misspelt one may have meant, nearest first; at most three.
///
/// Near is at most a third of the letters wrong, one wrong letter always, and a name that holds all
/// of more than two letters.
///
/// - Parameter known: In lower case.
public func nearestNames(to name: String, in known: [String]) -> [String] {
  let name = name.lowercased()
  let near = known.map { (name: $0, distance: editDistance(name, $0)) }.filter {
    $0.distance <= max(1, $0.name.count / 3) || (name.count > 2 && $0.name.contains(name))
  }
  return near.sorted { ($0.distance, $0.name) < ($1.distance, $1.name) }.prefix(3).map(\.name)
}

/// What to say of a name that is not among the known ones: the one that may have been meant, or all.
///
/// - Parameters:
///   - name: Nil for what is no name.
///   - known: In lower case.
public func advice(on name: String?, known: [String]) -> String {
  let nearest = name.flatMap { nearestNames(to: $0, in: known).first }
  return nearest.map { "did you mean '\($0)'?" } ?? "known are \(known.joined(separator: ", "))"
}

/// How many letters were inserted, left out, replaced or exchanged with their neighbour on the way
/// from one text to another: the restricted Damerau–Levenshtein distance.
///
/// - Complexity: O(|a| · |b|) time, O(|a| + |b|) memory.
private func editDistance(_ a: String, _ b: String) -> Int {
  let (a, b) = (Array(a), Array(b))
  // Distances of the texts' beginnings: the last row of them, and the one before.
  var (row, before) = (Array(0...b.count), [Int]())
  for i in a.indices {
    var next = [i + 1]
    for j in b.indices {
      var distance = min(row[j] + (a[i] == b[j] ? 0 : 1), row[j + 1] + 1, next[j] + 1)
      if i > 0, j > 0, a[i] == b[j - 1], a[i - 1] == b[j] {
        distance = min(distance, before[j - 1] + 1)
      }
      next.append(distance)
    }
    (before, row) = (row, next)
  }
  return row[b.count]
}
