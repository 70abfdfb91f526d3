/// The known name that `name` was probably meant to be, if one is near enough to say so.
///
/// Near is at most a third of the letters wrong, and one wrong letter always.
func nearestName(to name: String, in known: [String]) -> String? {
  let ranked = known.map { (name: $0, distance: editDistance(name.lowercased(), $0)) }
  guard let best = ranked.min(by: { $0.distance < $1.distance }) else { return nil }
  return best.distance <= max(1, best.name.count / 3) ? best.name : nil
}

/// The Levenshtein distance: insertions, deletions and replacements from one text to another.
///
/// - Complexity: O(|a| · |b|) time, O(|b|) memory.
private func editDistance(_ a: String, _ b: String) -> Int {
  let b = Array(b)
  var row = Array(0...b.count)
  for (i, letter) in a.enumerated() {
    var diagonal = row[0]
    row[0] = i + 1
    for j in b.indices {
      let replaced = diagonal + (letter == b[j] ? 0 : 1)
      diagonal = row[j + 1]
      row[j + 1] = min(replaced, row[j] + 1, row[j + 1] + 1)
    }
  }
  return row[b.count]
}
