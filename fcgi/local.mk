# Sources of fcgi/.
