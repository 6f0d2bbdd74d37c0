# One-liners over bin/cherenkov-vo; its --help says more. A run ends when make ends, even by kill -9.
RUN = setpriv --pdeathsig TERM bin/cherenkov-vo

.PHONY: serve up down status ingest publish check doctor fetch-data test bench bench-large clean

serve:
	@$(RUN) serve
up:
	@bin/cherenkov-vo up
down status ingest publish doctor fetch-data:
	@$(RUN) $@
check:
	@$(RUN) check $(DIR) $(if $(RELEASE),--release $(RELEASE)) $(if $(ALL),--all)
test:
	@setpriv --pdeathsig TERM /usr/bin/python3 tests/run.py $(STAGES)
bench:
	@setpriv --pdeathsig TERM /usr/bin/python3 bench/run.py $(PARTS)
bench-large:
	@setpriv --pdeathsig TERM /usr/bin/python3 bench/run.py --large $(PARTS)
clean:
	@$(RUN) clean --yes
