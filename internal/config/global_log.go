package config

// Log is how the log is written; empty: as the command line, or keepalived, does.
type Log struct{ Style, Level string }

// LogStyles are the words of log_style.
func LogStyles() []string { return []string{"keepalived", "text", "json"} }

// LogLevels are the words of log_level.
func LogLevels() []string { return []string{"debug", "info", "warn", "error"} }

func logRows() []keyword[globals] {
	return []keyword[globals]{
		{word: "log_style", form: choice(LogStyles()...), note: "that of the command line, else keepalived", own: true,
			meaning: "How lines of the log are written: keepalived's, which operators search for; text, with the names of what they are made of; or a JSON object a line.",
			set:     func(g *globals, v value) { g.Log.Style = v.text }},
		{word: "log_level", form: choice(LogLevels()...), note: "that of the command line, else info", own: true,
			meaning: "The least of what is logged. With debug it is what keepalived logs with -D.",
			set:     func(g *globals, v value) { g.Log.Level = v.text }},
	}
}
