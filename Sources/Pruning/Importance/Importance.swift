// Placeholder: Importance
