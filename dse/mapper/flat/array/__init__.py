"""What a PE holds and how the rest is spread over the array: PE tiles, their unrollings, and which of these fit."""
