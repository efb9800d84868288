# Sources of lib/aws/.
