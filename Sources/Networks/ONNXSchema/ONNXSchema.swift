// Placeholder: ONNXSchema
