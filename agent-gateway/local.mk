# Sources of agent-gateway/.
