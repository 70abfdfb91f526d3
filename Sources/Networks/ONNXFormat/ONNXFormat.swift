// Placeholder: ONNXFormat
