"""The service of the third incident: FastAPI on uvicorn, without a resource manager and with one."""
