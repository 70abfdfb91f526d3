// Placeholder: Recovery
