// Placeholder: JobEngine
