<resource schema="__system">
	<!-- This site's additions to DaCHS's own resources. DaCHS reads it as etc/userconfig.rd. -->

	<STREAM id="obscore-extracolumns">
		<doc>Optional ObsCore 1.1 columns that we fill, and the time scale of all rows here.</doc>
		<LOOP>
			<codeItems>
				from ingest import columns
				yield from columns.rd_items("obscore")
			</codeItems>
			<events>
				<column name="\name" type="\type" unit="\unit" ucd="\ucd" utype="\utype"
						description="\description">
					<property name="std">1</property>
				</column>
			</events>
		</LOOP>
		<FEED source="rd/times#annotation"/>
	</STREAM>

	<STREAM id="obscore-extrapars">
		<LOOP>
			<codeItems>
				from ingest import columns
				yield from columns.rd_items("obscore")
			</codeItems>
			<events>
				<mixinPar name="\name" description="\description">NULL</mixinPar>
			</events>
		</LOOP>
	</STREAM>

	<STREAM id="obscore-extraevents">
		<LOOP>
			<codeItems>
				from ingest import columns
				for column in columns.rd_items("obscore"):
					yield dict(column, macro="\\" + column["name"])
			</codeItems>
			<events>
				<property name="obscoreClause" cumulate="True">, CAST(\macro AS \type) AS \name</property>
			</events>
		</LOOP>
	</STREAM>
</resource>
