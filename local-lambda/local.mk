# Sources of local-lambda/.
include local-lambda/sandbox.mk
