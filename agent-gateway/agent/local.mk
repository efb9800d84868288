# Sources of agent-gateway/agent/.
