# Sources of lib/docker/.
