// Placeholder: Pipeline
