# Sources of deploy/.
