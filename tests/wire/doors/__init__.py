"""Every door by which people reach the bot, walked by those who may not."""
