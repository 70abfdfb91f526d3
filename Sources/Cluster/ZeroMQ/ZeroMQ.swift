// Placeholder: ZeroMQ
