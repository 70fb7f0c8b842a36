AWAY = "?"
