# One-liners over bin/cherenkov-vo; its --help says more. A run ends when make ends, even by kill -9.
RUN = setpriv --pdeathsig TERM bin/cherenkov-vo

# make up WORKERS=2: DaCHS processes for TAP queries, and as many for all else.
export CHERENKOV_VO_WORKERS := $(or $(WORKERS),$(CHERENKOV_VO_WORKERS))

# make backup TO=/backups; make restore FROM=/backups/cherenkov-vo-....tar
.PHONY: serve up down status ingest publish check doctor backup restore fetch-data test test-faults fuzz bench \
	bench-large bench-explorer lock licences audit audit-update test-versions clean

serve:
	@$(RUN) serve
up:
	@bin/cherenkov-vo up
down status publish doctor fetch-data:
	@$(RUN) $@
ingest:
	@$(RUN) ingest $(if $(FORCE),--force) $(if $(CHECKSUM),--checksum) $(if $(WITHDRAW),--withdraw) \
		$(if $(SCHEDULER),--scheduler $(SCHEDULER))
backup:
	@$(RUN) backup $(if $(TO),--to $(TO)) $(if $(DATA),--data)
restore:
	@$(RUN) restore $(or $(FROM),$(error name the backup: make restore FROM=FILE)) $(if $(FORCE),--force)
check:
	@$(RUN) check $(DIR) $(if $(RELEASE),--release $(RELEASE)) $(if $(ALL),--all)
test:
	@setpriv --pdeathsig TERM /usr/bin/python3 tests/run.py $(STAGES)
test-faults:
	@setpriv --pdeathsig TERM /usr/bin/python3 tests/run.py --thorough $(or $(STAGES),faults)
lock licences audit audit-update:
	@setpriv --pdeathsig TERM /usr/bin/python3 -m supply $@ $(if $(UPGRADE),--upgrade)
# make fuzz SECONDS=1800: files that a fuzzer makes, until one is not answered as it has to be.
fuzz:
	@setpriv --pdeathsig TERM /usr/bin/python3 tests/run.py fuzz --seconds $(or $(SECONDS),1800)
test-versions:
	@setpriv --pdeathsig TERM /usr/bin/python3 tests/run.py versions
bench:
	@setpriv --pdeathsig TERM /usr/bin/python3 bench/run.py $(PARTS)
bench-large:
	@setpriv --pdeathsig TERM /usr/bin/python3 bench/run.py --large $(PARTS)
bench-explorer:
	@setpriv --pdeathsig TERM /usr/bin/python3 bench/run.py --explorer
clean:
	@$(RUN) clean --yes
