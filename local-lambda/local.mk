# Sources of local-lambda/.
