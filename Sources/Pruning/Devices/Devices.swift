// Placeholder: Devices
