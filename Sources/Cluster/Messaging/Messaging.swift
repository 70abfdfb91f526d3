// Placeholder: Messaging
