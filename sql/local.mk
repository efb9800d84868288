# Sources of sql/.
