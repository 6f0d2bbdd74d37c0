<resource schema="ivoa" resdir="rd">
	<meta name="creationDate">2026-11-23T12:00:00Z</meta>
	<meta name="title">Sources of the tables that several collections feed</meta>
	<meta name="description">Book-keeping for views over several collections.</meta>
	<meta name="subject">virtual-observatories</meta>

	<!-- The code is in unions.py. -->

	<table id="_union_sources" onDisk="True" system="True" dupePolicy="overwrite"
			primary="view_id,table_name">
		<meta name="description">The SQL fragments from which views over several collections are made.
			Tables with the mixins of rd/hea, rd/links and rd/responses manage their rows
			themselves.</meta>
		<column name="view_id" type="text" description="Cross-RD id of the view that is fed"/>
		<column name="table_name" type="text" description="The table that contributes"/>
		<column name="reads" type="text" description="All tables that the SELECT statement reads"/>
		<column name="fragment" type="text" description="The SELECT statement it contributes"/>
		<column name="sourcerd" type="text" description="The RD that defines the table"/>
	</table>

	<data id="init" updating="True">
		<make table="_union_sources"/>
	</data>

	<data id="recover" auto="False" updating="True">
		<sources items="recover"/>
		<nullGrammar/>
		<make table="_union_sources">
			<script name="drop fragments of lost tables" type="newSource" lang="python">
				from rd import unions
				unions.recover(table.connection)
			</script>
		</make>
	</data>

	<STREAM id="mixin-scripts">
		<doc>The scripts of a mixin that makes a table feed a view. Give view, the cross-RD id, and
			arguments, further arguments of unions.join in Python (start with a comma, may be
			empty). The table needs the stream leave-scripts, too.</doc>
		<DEFAULTS arguments=""/>
		<script name="join \view" lang="python" type="afterMeta">
			from rd import unions
			unions.join(table, "\view"\arguments)
		</script>
		<script name="make \view" lang="python" type="postCreation">
			from rd import unions
			unions.rebuild(table.connection, "\view")
		</script>
	</STREAM>

	<STREAM id="leave-scripts">
		<doc>The script of a table that views read, whichever table feeds them.</doc>
		<script name="leave all views" lang="python" type="beforeDrop">
			from rd import unions
			unions.leave(table)
		</script>
	</STREAM>

	<STREAM id="view">
		<doc>The view statement and the data element of a view that several tables feed. To be
			replayed in the resource; give view_name, the table's id, and rd_id, the RD's id.</doc>
		<data id="create-\view_name" updating="True">
			<make table="\view_name">
				<script name="make \view_name" lang="python" type="postCreation">
					from rd import unions
					unions.rebuild(table.connection, "\rd_id#\view_name")
				</script>
			</make>
		</data>
	</STREAM>
</resource>
