# Sources of lib/registry/.
